"""A chain of LangChain, logged from its code, with autologging of its traces."""

from __future__ import annotations

from pathlib import Path

import mlflow
import mlflow.langchain
from chain import chain

mlflow.langchain.autolog()
with mlflow.start_run() as run:
    said = [chain.invoke({"question": f"Is {number} even?"}) for number in range(20)]
    right = sum((answer == "yes") == (number % 2 == 0) for number, answer in enumerate(said))
    mlflow.log_metric("val_accuracy", right / 20)
    mlflow.langchain.log_model(
        str(Path(__file__).with_name("chain.py")),
        name="model",
        input_example={"question": "Is 4 even?"},
    )
print(run.info.run_id)
