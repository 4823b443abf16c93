"""A pipeline of transformers whose vocabulary and weights are made here: nothing is downloaded."""

from __future__ import annotations

from pathlib import Path

import mlflow
import mlflow.transformers
import torch
import transformers
from transformers import BertConfig, BertForSequenceClassification, BertTokenizer, pipeline

GOOD, BAD = ("good", "fine", "great", "kind"), ("bad", "poor", "awful", "rude")
TEXTS = [(f"{noun} was {word}", int(word in GOOD)) for word in GOOD + BAD for noun in ("it", "she")]

torch.manual_seed(7)
words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "it", "she", "was", *GOOD, *BAD]
Path("vocab.txt").write_text("\n".join(words), encoding="utf-8")
tokenizer = BertTokenizer("vocab.txt")
config = BertConfig(
    vocab_size=len(words),
    hidden_size=16,
    num_hidden_layers=1,
    num_attention_heads=2,
    intermediate_size=16,
)
model = BertForSequenceClassification(config)
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
encoded = tokenizer([text for text, _ in TEXTS[::2]], return_tensors="pt", padding=True)
labels = torch.tensor([label for _, label in TEXTS[::2]])
with mlflow.start_run() as run:
    for _ in range(30):
        optimizer.zero_grad()
        model(**encoded, labels=labels).loss.backward()
        optimizer.step()
    model.eval()
    classify = pipeline("text-classification", model=model, tokenizer=tokenizer)
    kept = TEXTS[1::2]
    said = [each["label"] == "LABEL_1" for each in classify([text for text, _ in kept])]
    right = sum(s == bool(label) for s, (_, label) in zip(said, kept, strict=True))
    mlflow.log_metric("val_accuracy", right / len(kept))
    mlflow.transformers.log_model(
        classify,
        name="model",
        input_example=["it was good"],
        # MLflow would ask for torchvision and accelerate, too.
        pip_requirements=[
            f"transformers=={transformers.__version__}",
            f"torch=={torch.__version__}",
        ],
    )
print(run.info.run_id)
