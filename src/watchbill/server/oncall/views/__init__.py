"""The pages of the watch: the board, the calendar, one's own shifts, and people."""
