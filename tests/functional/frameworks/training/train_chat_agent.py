"""A pyfunc agent (ChatAgent), logged from its code."""

from __future__ import annotations

from pathlib import Path

import mlflow
import mlflow.pyfunc
from chat_agent import agent
from mlflow.types.agent import ChatAgentMessage

with mlflow.start_run() as run:
    right = 0
    for number in range(20):
        asked = ChatAgentMessage(role="user", content=str(number), id=str(number))
        answer = agent.predict([asked]).messages[0].content
        right += (answer == "yes") == (number % 2 == 0)
    mlflow.log_metric("val_accuracy", right / 20)
    code = str(Path(__file__).with_name("chat_agent.py"))
    mlflow.pyfunc.log_model(name="model", python_model=code)
print(run.info.run_id)
