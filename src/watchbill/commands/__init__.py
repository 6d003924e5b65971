"""The commands of ``watchbill``, one module each."""
