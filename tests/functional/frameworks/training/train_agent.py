"""A pyfunc agent (ResponsesAgent), logged from its code."""

from __future__ import annotations

from pathlib import Path

import mlflow
import mlflow.pyfunc
from agent import agent
from mlflow.types.responses import ResponsesAgentRequest

with mlflow.start_run() as run:
    right = 0
    for number in range(20):
        request = ResponsesAgentRequest(input=[{"role": "user", "content": str(number)}])
        answer = agent.predict(request).output[0].content[0]["text"]
        right += (answer == "yes") == (number % 2 == 0)
    mlflow.log_metric("val_accuracy", right / 20)
    mlflow.pyfunc.log_model(name="model", python_model=str(Path(__file__).with_name("agent.py")))
print(run.info.run_id)
