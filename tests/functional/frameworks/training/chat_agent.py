"""The older kind of agent (ChatAgent), which knows which numbers are even: models from code."""

from __future__ import annotations

from typing import Any

import mlflow
from mlflow.pyfunc import ChatAgent
from mlflow.types.agent import ChatAgentMessage, ChatAgentResponse


class Agent(ChatAgent):
    """It answers the last message."""

    def predict(
        self, messages: list[ChatAgentMessage], context: Any = None, custom_inputs: Any = None
    ) -> ChatAgentResponse:
        """Say whether the number is even."""
        text = messages[-1].content
        answer = "no" if text[-1:] in set("135790") else "yes"
        message = ChatAgentMessage(role="assistant", content=answer, id="answer")
        return ChatAgentResponse(messages=[message])


agent = Agent()
mlflow.models.set_model(agent)
