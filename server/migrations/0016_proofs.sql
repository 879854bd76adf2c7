-- The pair that a refresh token was traded for, until the pair itself is used: sealed with the token, which
-- is not kept here, so that neither this database nor its secret key opens it. `used_by` is a hash of where
-- the token was used from: a second use from elsewhere is theft.
alter table refresh_tokens add sealed_pair bytea, add used_by bytea;
