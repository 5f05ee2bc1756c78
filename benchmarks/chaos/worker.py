"""The Celery application of the bench's workers: Hartley's own, with one more kind of step and one more fault."""

from workers.app import app

app.conf.include = [*app.conf.include, "benchmarks.chaos.marking"]
