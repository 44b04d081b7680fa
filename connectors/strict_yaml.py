"""YAML read by its composed nodes, which still know their lines: double keys and wrong shapes are refused.

A kind of file makes a `Reader` of its own, which names the file in its refusals, and adds what it may hold.
"""

from __future__ import annotations

from typing import ClassVar

import yaml

from connectors.yaml_text import too_deep


class Reader:
    """Walks the nodes of one text; `label` names it in messages."""

    #: What the file is, in Chinese, and how it is refused.
    what: ClassVar[str]
    refused: ClassVar[type[Exception]]

    def __init__(self, label: str) -> None:
        self.label = label

    def refuse(self, node: yaml.Node, reason: str) -> Exception:
        """What to raise of a node, with its line."""
        return self._refuse(f" 第 {node.start_mark.line + 1} 行", reason)

    def whole(self, reason: str) -> Exception:
        """What to raise of the file."""
        return self._refuse("", reason)

    def _refuse(self, where: str, reason: str) -> Exception:
        return self.refused(f"{self.what} {self.label}{where}：{reason}")

    def root(self, text: str) -> yaml.Node:
        """The text as nodes. Raises `refused` when it is too deep, none, or not YAML."""
        if too_deep(text):
            raise self.whole("括号套得太深")
        try:
            found = yaml.compose(text, Loader=yaml.SafeLoader)
        except (yaml.YAMLError, RecursionError) as error:  # thousands of levels by indentation
            mark = getattr(error, "problem_mark", None)
            where = f" 第 {mark.line + 1} 行" if mark else ""
            raise self._refuse(where, "不是有效的 YAML") from None
        if found is None:
            raise self.whole("文件是空的")
        return found

    def mapping(self, node: yaml.Node) -> dict[str, tuple[yaml.Node, yaml.Node]]:
        """The key and the value of each pair, by key."""
        if not isinstance(node, yaml.MappingNode):
            raise self.refuse(node, "这里应是“键: 值”")
        pairs: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        for key_node, value in node.value:
            key = self.text(key_node)
            if key in pairs:
                raise self.refuse(key_node, f"键‘{key}’重复")
            pairs[key] = (key_node, value)
        return pairs

    def text(self, node: yaml.Node) -> str:
        """A text that says something."""
        if not isinstance(node, yaml.ScalarNode) or not node.value.strip():
            raise self.refuse(node, "这里应是文字")
        return str(node.value).strip()
