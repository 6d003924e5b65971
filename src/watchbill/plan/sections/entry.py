"""Entry: what every section of the schema is made of."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict

from watchbill.plan.values import Key, OneOrMore, TargetName, Text

WORD = "<word>"
TABLE = "<table>"
"""Which of two forms an entry has; pydantic puts it into the place of a fault."""

Texts = Annotated[tuple[Text, ...], OneOrMore]
Keys = Annotated[tuple[Key, ...], OneOrMore]
Targets = Annotated[tuple[TargetName, ...], OneOrMore]


class Entry(BaseModel):
    """A part of a plan: no key but its own."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=False)
