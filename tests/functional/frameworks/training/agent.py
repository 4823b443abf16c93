"""An agent that knows which numbers are even: models from code."""

from __future__ import annotations

import mlflow
from mlflow.pyfunc import ResponsesAgent
from mlflow.types.responses import ResponsesAgentRequest, ResponsesAgentResponse


class Agent(ResponsesAgent):
    """It answers the last message."""

    def predict(self, request: ResponsesAgentRequest) -> ResponsesAgentResponse:
        """Say whether the number is even."""
        text = request.input[-1].content
        answer = "no" if text[-1:] in set("135790") else "yes"
        return ResponsesAgentResponse(output=[self.create_text_output_item(answer, id="answer")])


agent = Agent()
mlflow.models.set_model(agent)
