"""A filter's parts as text again, for who asks why a rule came out as it did."""

from collections.abc import Sequence

from holdfast.expressions.tree import Call, Constant, Macro, Node, Operand, Path, Slot, Term


def spell_operand(operand: Operand, literals: Sequence[str]) -> str:
    """One side of a comparison, with the values that were written."""
    if isinstance(operand, Slot):
        text = literals[operand.number]
        return _quoted(text) if operand.form.quoted else text
    if isinstance(operand, Constant):
        return {None: "null", True: "true", False: "false", "": "''"}[operand.value]
    if isinstance(operand, Macro):
        return operand.name
    if isinstance(operand, Call):
        return f"{operand.name}({', '.join(spell_operand(argument, literals) for argument in operand.arguments)})"
    return spell_path(operand)


def spell_path(path: Path) -> str:
    """A path with its alias and its modifier."""
    names = list(path.names)
    if path.alias:
        names[1] += f":{path.alias}"
    return ".".join(names) + (f":{path.modifier}" if path.modifier else "")


def spell(node: Node, literals: Sequence[str], *, inside: bool = False) -> str:
    """A condition; several of them in brackets when they stand `inside` of another."""
    if isinstance(node, Term):
        sign = ("?" if node.some else "") + node.operator.value
        return f"{spell_operand(node.left, literals)} {sign} {spell_operand(node.right, literals)}"
    text = (" || " if node.either else " && ").join(spell(part, literals, inside=True) for part in node.parts)
    return f"({text})" if inside else text


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '\\"') + '"' if "'" in text else f"'{text}'"
