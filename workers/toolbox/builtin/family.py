"""The built-in tools that compute on a session's files and on data; those that need one share a place for processes."""

from __future__ import annotations

from workers.toolbox.aside.start import Aside
from workers.toolbox.builtin.diff_files import DiffFiles
from workers.toolbox.builtin.extract_text import ExtractText
from workers.toolbox.builtin.file_delete import FileDelete
from workers.toolbox.builtin.file_edit import FileEdit
from workers.toolbox.builtin.file_list import FileList
from workers.toolbox.builtin.file_read import FileRead
from workers.toolbox.builtin.file_search import FileSearch
from workers.toolbox.builtin.file_undo import FileUndo
from workers.toolbox.builtin.file_write import FileWrite
from workers.toolbox.builtin.json_query import JsonQuery
from workers.toolbox.builtin.statistics_of import Statistics
from workers.toolbox.tool import Tool


def computing_tools() -> list[Tool]:
    aside = Aside()
    files: list[Tool] = [FileRead(), FileWrite(), FileList(), FileSearch(aside), FileEdit(), FileDelete()]
    files.append(FileUndo())
    return [*files, DiffFiles(aside), JsonQuery(aside), Statistics(), ExtractText(aside)]
