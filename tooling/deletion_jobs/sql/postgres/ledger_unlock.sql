DELETE FROM yoyo_lock WHERE pid = %(pid)s
