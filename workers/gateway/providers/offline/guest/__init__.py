"""What the offline provider runs in the sandbox: plain functions over attached files, standard library only.

These are real modules, so that they are linted, typed and tested natively; `program.py` one folder up joins
what a question needs into one script. So each top-level name is unique in the folder, and imports within it
are of the form `from workers.gateway.providers.offline.guest.<module> import <names>`.
"""
