"""Lets the test database refuse every change of state that the table of states does not allow."""

from __future__ import annotations

from collections.abc import Mapping, Set

import psycopg

from webapp.agent_tasks.rules import STEP_STATES, TASK_STATES

GUARD = """
CREATE OR REPLACE FUNCTION guard_state() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF NOT TG_ARGV[0]::text[] @> ARRAY[OLD.state || '>' || NEW.state] THEN
    RAISE EXCEPTION '%: a change from % to % is not in the table of states', TG_TABLE_NAME, OLD.state, NEW.state;
  END IF;
  RETURN NEW;
END $$
"""


def refuse_other_changes(owner_url: str) -> None:
    """Needs the tables. `owner_url` is the role that owns them."""
    with psycopg.connect(owner_url) as owner:
        owner.execute(GUARD)
        for table, states in (("agent_tasks_task", TASK_STATES), ("agent_tasks_step", STEP_STATES)):
            owner.execute(
                f"CREATE TRIGGER guard_state BEFORE UPDATE OF state ON {table} FOR EACH ROW "
                f"WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION guard_state('{_pairs(states)}')"
            )


def _pairs(states: Mapping[str, Set[str]]) -> str:
    return "{" + ",".join(f"{old}>{new}" for old, may in states.items() for new in sorted(may)) + "}"
