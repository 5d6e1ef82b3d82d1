-- The application's account; on this server it needs no password.
CREATE ROLE shop_app LOGIN
