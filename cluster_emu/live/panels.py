"""What panels of the page ask a source for: one function each, by name.

A panel is a JavaScript module in ``static/panels/``; the page finds it by itself and draws it below
the cluster (see the package's docstring). It asks for its data with ``live.query(name, arguments)``
or, now and then, ``live.watch(name, arguments, callback)``. The answer comes from a function
that is registered here for the kind of source, in the process of the session, and runs between
two steps of the model: it may read everything and must change nothing::

    @panel_data.register("model", "gantt")
    def gantt(source: LiveSource, arguments: Mapping[str, Any]) -> Document: ...

Modules of this package named ``panel_*`` are imported before the first question.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

from cluster_emu.errors import RequestRefusedError
from cluster_emu.live.source import Document

PREFIX = "panel_"

PanelFunction = Callable[[Any, Mapping[str, Any]], Document]
F = TypeVar("F", bound=PanelFunction)


class PanelData:
    """The functions that answer panels, by kind of source and name."""

    def __init__(self) -> None:
        self._functions: dict[tuple[str, str], PanelFunction] = {}
        self._complete = False

    def register(self, kind: str, name: str) -> Callable[[F], F]:
        """Return a decorator that enters the function for sources of a kind, "model" or "replay".

        Raises:
            ValueError: if there is one already.
        """

        def enter(function: F) -> F:
            if (kind, name) in self._functions:
                raise ValueError(f"the data of panel {name!r} of a {kind} is registered twice")
            self._functions[kind, name] = function
            return function

        return enter

    def answer(
        self, kind: str, name: str, source: object, arguments: Mapping[str, Any]
    ) -> Document:
        """Return what a panel asks for.

        Raises:
            RequestRefusedError: if there is no such function.
        """
        self._find()
        function = self._functions.get((kind, name))
        if function is None:
            raise RequestRefusedError(f"a {kind} has no data for the panel {name!r}")
        return function(source, arguments)

    def _find(self) -> None:
        if not self._complete:
            self._complete = True
            package = __name__.rpartition(".")[0]
            for module in pkgutil.iter_modules([str(Path(__file__).parent)]):
                if module.name.startswith(PREFIX):
                    import_module(f"{package}.{module.name}")


panel_data = PanelData()
