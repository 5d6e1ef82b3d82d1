CALL link_deletion_users(%(users_table)s, %(users_column)s);
