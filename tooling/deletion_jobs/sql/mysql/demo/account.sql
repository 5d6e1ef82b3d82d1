-- The application's account.
CREATE USER shop_app IDENTIFIED BY %(password)s
