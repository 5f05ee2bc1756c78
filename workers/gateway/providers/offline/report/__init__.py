"""Answers of the scripts as Markdown: a headline and what stands behind it."""
