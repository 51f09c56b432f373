// Statements by which one customer's administrators might look at another or at the server: each is refused with 42501.
// `%o` is the other's database, `%l` a login of theirs, `%a` their adm. `output` and `fired()` are the one's own.

export const forbiddenStatements: readonly (readonly [string, readonly string[]])[] = [
  [
    '1: cannot reach out through a foreign data wrapper',
    [
      'CREATE EXTENSION postgres_fdw',
      'CREATE EXTENSION file_fdw',
      'CREATE FOREIGN DATA WRAPPER own',
    ],
  ],
  ['2: cannot reach out through dblink', ['CREATE EXTENSION dblink']],
  [
    '3: cannot run a program on the server',
    ["COPY output FROM PROGRAM 'id'", "COPY output TO PROGRAM 'cat'"],
  ],
  [
    '4: cannot read or write files of the server',
    [
      "COPY output FROM '/etc/passwd'",
      "COPY output TO '/tmp/output'",
      "SELECT pg_read_file('postgresql.conf')",
      "SELECT pg_read_binary_file('global/pg_control')",
      "SELECT pg_ls_dir('base')",
      'SELECT pg_ls_logdir()',
      "SELECT lo_import('/etc/passwd')",
      "SELECT lo_export(1, '/tmp/output')",
    ],
  ],
  [
    '5: cannot load code into the server',
    [
      "CREATE FUNCTION f() RETURNS int LANGUAGE c AS '$libdir/dblink', 'dblink_connect'",
      "CREATE FUNCTION f() RETURNS int LANGUAGE internal AS 'pg_read_file'",
      "LOAD '/tmp/own.so'",
    ],
  ],
  ['6: cannot copy the database as a template', ['CREATE DATABASE copied TEMPLATE %o']],
  [
    '7: cannot change, rename, drop or comment the database',
    [
      'ALTER DATABASE %o CONNECTION LIMIT 0',
      'ALTER DATABASE %o OWNER TO CURRENT_USER',
      'ALTER DATABASE %o RENAME TO gone',
      'DROP DATABASE %o WITH (FORCE)',
      "COMMENT ON DATABASE %o IS 'own'",
      "COMMENT ON ROLE %l IS 'own'",
    ],
  ],
  [
    '8: cannot change their settings or passwords',
    [
      'ALTER ROLE %l SET search_path = own',
      'ALTER ROLE %l PASSWORD NULL',
      'ALTER ROLE %l NOLOGIN',
      'ALTER DATABASE %o SET search_path = own',
      'ALTER ROLE ALL IN DATABASE %o SET search_path = own',
      'ALTER ROLE ALL SET search_path = own',
      "ALTER SYSTEM SET log_statement = 'all'",
    ],
  ],
  [
    '9: cannot read passwords or verifiers',
    [
      'SELECT * FROM pg_authid',
      'SELECT * FROM pg_shadow',
      'SELECT * FROM pg_user_mapping',
      'SELECT * FROM pg_hba_file_rules',
    ],
  ],
  [
    '10: cannot replicate',
    [
      "SELECT pg_create_physical_replication_slot('own')",
      "SELECT pg_create_logical_replication_slot('own', 'pgoutput')",
      "CREATE SUBSCRIPTION own CONNECTION 'dbname=%o' PUBLICATION p",
      'CREATE PUBLICATION own FOR ALL TABLES',
      "SELECT pg_backup_start('own')",
    ],
  ],
  [
    '11: cannot see how large their database is',
    ["SELECT pg_database_size('%o')", "SELECT pg_tablespace_size('pg_global')"],
  ],
  [
    '12: cannot set default privileges for them',
    ['ALTER DEFAULT PRIVILEGES FOR ROLE %a GRANT SELECT ON TABLES TO PUBLIC'],
  ],
  [
    '13: cannot make roles, databases, tablespaces, languages or event triggers, nor itself stronger',
    [
      'CREATE ROLE own',
      'CREATE DATABASE own',
      "CREATE TABLESPACE own LOCATION '/tmp'",
      'CREATE EXTENSION pg_stat_statements',
      'CREATE EVENT TRIGGER own ON login EXECUTE FUNCTION fired()',
      'ALTER ROLE CURRENT_USER SUPERUSER',
      'ALTER ROLE CURRENT_USER BYPASSRLS',
      'ALTER ROLE CURRENT_USER CONNECTION LIMIT 1',
    ],
  ],
]
