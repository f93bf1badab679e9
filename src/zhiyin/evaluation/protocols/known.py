"""The protocols by the name they have in recipes."""

from typing import Literal

from zhiyin.evaluation.protocols import generate, harness, llamafactory, official, opencompass
from zhiyin.evaluation.protocols.item import Protocol

ProtocolName = Literal["official", "harness", "llamafactory", "opencompass", "generate"]

PROTOCOLS: dict[ProtocolName, Protocol] = {
    "official": official.PROTOCOL,
    "harness": harness.PROTOCOL,
    "llamafactory": llamafactory.PROTOCOL,
    "opencompass": opencompass.PROTOCOL,
    "generate": generate.PROTOCOL,
}
