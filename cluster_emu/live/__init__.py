"""The live page: a cluster in the browser, from a model that runs or from a finished run.

How the parts fit together::

    browser  <- WebSocket ->  server  <- pipe ->  process of the session
    static/*.js               server, session     worker -> player -> FrameSource (lanes)

- `source`: `FrameSource`, what the page needs of a cluster over time, and `SourceFactory`, which
  makes the sources of a session. `live_source` is a running model (`live_model`).
- `player`: speed, steps, commands of the page; knows `FrameSource` only. `worker` runs it in a
  process of its own for each browser; `session` is that process as the server sees it.
- `frames`: an instant as bytes. `layout`: where things are drawn. `details`, `searching`,
  `interventions`, `history`, `moves`: what the page shows and does of a model.
- `server`, `security`: static files and a WebSocket, for this machine alone without a token.
- `static/`: the page. `static/panels/README.md` says how a panel is added: one JavaScript module,
  and one function registered in a module ``panel_*.py`` (see `panels`).

A replay is a `FrameSource` whose `earliest_s` is 0, with `seek`, and a `SourceFactory` whose
`describe` says ``"kind": "replay"``; `cluster_emu.cli.view` chooses the factory. Lane 1 is compared
with lane 0: `settings.compared_with` reads the settings ``b_strategy``, ``b_stop`` and ``b_policy``
of the address, and a panel changes them with ``live.ask("restart", {settings})``.

The page says what it does, not what may be done: `live.ask` of `static/connection.js` sends
``{"do": COMMAND, ...}``, see `player.Player.handle` for all of them.
"""
