"""An Inspect model provider over a chooser: reads the options out of the prompt, replies a letter.

The provider is handed its weights rather than finding them, so that an evaluation log names the
model and never a place on the machine that ran it.
"""

import re

from choosers import Chooser
from inspect_ai.model import (
    ChatMessage,
    GenerateConfig,
    Model,
    ModelAPI,
    ModelOutput,
    modelapi,
)
from inspect_ai.tool import ToolChoice, ToolInfo

OPTION = re.compile(r"^([A-Z])\) (.+)$", re.MULTILINE)


@modelapi(name="openward")
class ChoosingModel(ModelAPI):
    """Replies `ANSWER: X` where X is the option with the greatest score."""

    def __init__(self, model_name: str, chooser: Chooser) -> None:
        super().__init__(model_name)
        self.chooser = chooser

    async def generate(
        self,
        input: list[ChatMessage],
        tools: list[ToolInfo],
        tool_choice: ToolChoice,
        config: GenerateConfig,
    ) -> ModelOutput:
        prompt = input[-1].text
        question, _, _ = prompt.partition("\n\n")
        letters, options = zip(*OPTION.findall(prompt), strict=True)
        scores = self.chooser(question, options)
        output = ModelOutput.from_content(
            self.model_name, f"ANSWER: {letters[scores.index(max(scores))]}"
        )
        output.metadata = {"scores": [round(score, 6) for score in scores]}
        return output

    def max_connections(self) -> int:
        return 1


def choosing_model(name: str, chooser: Chooser) -> Model:
    """The model `openward/<name>`, as Inspect sees it."""
    return Model(ChoosingModel(name, chooser=chooser), GenerateConfig())
