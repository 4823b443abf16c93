"""What somebody writes to read all runs: a loop over `MlflowClient.search_runs`."""

import resource
import sys

from mlflow import MlflowClient


def main(address: str) -> None:
    """Read every run of every experiment; print how many, and the most memory (MB)."""
    client, runs = MlflowClient(address), 0
    for experiment in client.search_experiments():
        token = None
        while True:
            page = client.search_runs([experiment.experiment_id], page_token=token)
            runs += len(page)
            token = page.token
            if not token:
                break
    print(runs, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)


if __name__ == "__main__":
    main(sys.argv[1])
