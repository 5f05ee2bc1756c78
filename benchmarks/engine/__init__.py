"""The engine beside its peers: the same workflows on Hartley, a bare Celery canvas, DBOS and LangGraph."""
