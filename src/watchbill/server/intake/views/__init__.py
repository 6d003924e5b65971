"""The pages of integrations: who may post, with which key, and what came of it."""
