"""The floor: the same pages of runs over bare `requests`, of which nothing is made."""

import resource
import sys
from typing import Any

import requests

_API = "/api/2.0/mlflow/"


def main(address: str) -> None:
    """Read every run of every experiment; print how many, and the most memory (MB)."""
    session, runs = requests.Session(), 0
    found = session.get(f"{address}{_API}experiments/search", params={"max_results": "1000"})
    for experiment in found.json()["experiments"]:
        query: dict[str, Any] = {
            "experiment_ids": [experiment["experiment_id"]],
            "max_results": 1000,
            "order_by": ["attributes.start_time ASC"],
        }
        while True:
            answer = session.post(f"{address}{_API}runs/search", json=query).json()
            runs += len(answer.get("runs", ()))
            if not answer.get("next_page_token"):
                break
            query["page_token"] = answer["next_page_token"]
    print(runs, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)


if __name__ == "__main__":
    main(sys.argv[1])
