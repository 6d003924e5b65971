"""ElastAlert 2: matches of its rules as a source, by a mapping."""
