"""A chain of LangChain whose language model has learnt its answers by heart: models from code."""

from __future__ import annotations

import mlflow
from langchain_core.language_models import FakeListChatModel
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate

prompt = ChatPromptTemplate.from_messages([("human", "{question} Answer yes or no.")])
chain = prompt | FakeListChatModel(responses=["yes", "no"] * 9 + ["no", "no"]) | StrOutputParser()
mlflow.models.set_model(chain)
