"""Stand-ins for the outside world: real servers on real sockets, with a script."""
