"""Integrations: one folder a provider, two pure functions each.

``inbound.py`` reads what a source posts and returns signals; ``outbound.py`` writes
a notice in the form of a channel and reads its answer. Neither touches the network:
the server receives and sends, so every rule here is tested with plain bytes. To add
a provider, add its folder; nothing else is edited (see ``registry``).
"""
