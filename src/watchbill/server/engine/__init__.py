"""The engine: folds what came in, fires what is due, delivers what is said."""
