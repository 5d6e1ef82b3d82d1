"""Settings of a session that must not matter to a deletion."""

# What a caller or a worker may have set for reasons of its own.
ODD = {
    "mysql": [
        "SET time_zone = '+05:45'",
        "SET sql_mode = 'ANSI_QUOTES,PIPES_AS_CONCAT,NO_BACKSLASH_ESCAPES,HIGH_NOT_PRECEDENCE,"
        "PAD_CHAR_TO_FULL_LENGTH,IGNORE_SPACE,NO_UNSIGNED_SUBTRACTION,REAL_AS_FLOAT,"
        "ALLOW_INVALID_DATES'",
        "SET collation_connection = 'utf8mb4_general_ci'",
        "SET lc_time_names = 'de_DE'",
        "SET div_precision_increment = 0",
        "SET sql_safe_updates = 1",
        "SET sql_select_limit = 1",
        "SET group_concat_max_len = 4",
        "SET sql_auto_is_null = 1",
        "SET foreign_key_checks = 0",
        "SET unique_checks = 0",
        "SET default_week_format = 3",
    ],
    "postgres": [
        "SET timezone = 'Asia/Kathmandu'",
        "SET datestyle = 'German, DMY'",
        "SET intervalstyle = 'sql_standard'",
        "SET extra_float_digits = -15",
        "SET bytea_output = 'escape'",
        "SET standard_conforming_strings = off",
        "SET escape_string_warning = off",
        "SET backslash_quote = off",
        "SET quote_all_identifiers = on",
        "SET array_nulls = off",
        "SET transform_null_equals = on",
        "SET xmlbinary = 'hex'",
        "SET lc_monetary = 'C'",
    ],
}
