SELECT set_config(
    'search_path', quote_ident(coalesce(%(schema)s, current_schema())) || ', pg_temp', FALSE
) AS search_path
