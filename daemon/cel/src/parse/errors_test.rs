//! Texts that are no expressions, and what cel-go 0.26 says of them in the environment of Kubernetes 1.36.

/// A text and its error.
pub(super) const ERRORS: &[(&str, &str)] = &[
    (
        "",
        "ERROR: <input>:1:0: Syntax error: mismatched input '<EOF>' expecting {'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}",
    ),
    (
        "1 +",
        "ERROR: <input>:1:4: Syntax error: mismatched input '<EOF>' expecting {'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}\n | 1 +\n | ...^",
    ),
    (
        "*@a @| b",
        "ERROR: <input>:1:1: Syntax error: extraneous input '*' expecting {'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}\n | *@a @| b\n | ^\nERROR: <input>:1:2: Syntax error: token recognition error at: '@'\n | *@a @| b\n | .^\nERROR: <input>:1:5: Syntax error: token recognition error at: '@'\n | *@a @| b\n | ....^\nERROR: <input>:1:6: Syntax error: token recognition error at: '| '\n | *@a @| b\n | .....^\nERROR: <input>:1:8: Syntax error: extraneous input 'b' expecting <EOF>\n | *@a @| b\n | .......^",
    ),
    (
        "1 + +",
        "ERROR: <input>:1:5: Syntax error: mismatched input '+' expecting {'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}\n | 1 + +\n | ....^\nERROR: <input>:1:6: Syntax error: mismatched input '<EOF>' expecting {'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}\n | 1 + +\n | .....^",
    ),
    ("a.", "ERROR: <input>:1:3: Syntax error: no viable alternative at input '.'\n | a.\n | ..^"),
    ("a.true", "ERROR: <input>:1:3: Syntax error: mismatched input 'true' expecting IDENTIFIER\n | a.true\n | ..^"),
    ("a.if", "ERROR: <input>:1:1: undeclared reference to 'a' (in container '')\n | a.if\n | ^"),
    ("if", "ERROR: <input>:1:1: reserved identifier: if\n | if\n | ^"),
    (
        "a = b",
        "ERROR: <input>:1:3: Syntax error: token recognition error at: '= '\n | a = b\n | ..^\nERROR: <input>:1:5: Syntax error: extraneous input 'b' expecting <EOF>\n | a = b\n | ....^",
    ),
    (
        "a || b ",
        "ERROR: <input>:1:1: undeclared reference to 'a' (in container '')\n | a || b \n | ^\nERROR: <input>:1:6: undeclared reference to 'b' (in container '')\n | a || b \n | .....^",
    ),
    (
        "'abc",
        "ERROR: <input>:1:1: Syntax error: token recognition error at: ''abc'\n | 'abc\n | ^\nERROR: <input>:1:5: Syntax error: mismatched input '<EOF>' expecting {'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}\n | 'abc\n | ....^",
    ),
    (
        "\"a\\qb\"",
        "ERROR: <input>:1:1: Syntax error: token recognition error at: '\"a\\q'\n | \"a\\qb\"\n | ^\nERROR: <input>:1:6: Syntax error: token recognition error at: '\"'\n | \"a\\qb\"\n | .....^",
    ),
    ("1 2", "ERROR: <input>:1:3: Syntax error: extraneous input '2' expecting <EOF>\n | 1 2\n | ..^"),
    ("(1", "ERROR: <input>:1:3: Syntax error: missing ')' at '<EOF>'\n | (1\n | ..^"),
    ("[1, 2", "ERROR: <input>:1:6: Syntax error: mismatched input '<EOF>' expecting {']', ','}\n | [1, 2\n | .....^"),
    ("{1: 2", "ERROR: <input>:1:6: Syntax error: mismatched input '<EOF>' expecting {'}', ','}\n | {1: 2\n | .....^"),
    ("{1", "ERROR: <input>:1:3: Syntax error: mismatched input '<EOF>' expecting ':'\n | {1\n | ..^"),
    (
        "f(1, ",
        "ERROR: <input>:1:6: Syntax error: mismatched input '<EOF>' expecting {'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}\n | f(1, \n | .....^",
    ),
    ("x[1", "ERROR: <input>:1:4: Syntax error: missing ']' at '<EOF>'\n | x[1\n | ...^"),
    ("a ? b", "ERROR: <input>:1:6: Syntax error: mismatched input '<EOF>' expecting ':'\n | a ? b\n | .....^"),
    ("[].map(x)", "ERROR: <input>:1:7: undeclared reference to 'map' (in container '')\n | [].map(x)\n | ......^"),
    ("has(x)", "ERROR: <input>:1:5: invalid argument to has() macro\n | has(x)\n | ....^"),
    ("has(x.y.z())", "ERROR: <input>:1:10: invalid argument to has() macro\n | has(x.y.z())\n | .........^"),
    ("[1].all(1, true)", "ERROR: <input>:1:9: argument must be a simple name\n | [1].all(1, true)\n | ........^"),
    (
        "[1].all(__result__, true)",
        "ERROR: <input>:1:9: iteration variable overwrites accumulator variable\n | [1].all(__result__, true)\n | ........^",
    ),
    ("[1].map(x.y, x)", "ERROR: <input>:1:10: argument is not an identifier\n | [1].map(x.y, x)\n | .........^"),
    ("[1].all(i, i, true)", "ERROR: <input>:1:12: duplicate variable name: i\n | [1].all(i, i, true)\n | ...........^"),
    (
        "{}.transformMap(k, v)",
        "ERROR: <input>:1:16: undeclared reference to 'transformMap' (in container '')\n | {}.transformMap(k, v)\n | ...............^\nERROR: <input>:1:17: undeclared reference to 'k' (in container '')\n | {}.transformMap(k, v)\n | ................^\nERROR: <input>:1:20: undeclared reference to 'v' (in container '')\n | {}.transformMap(k, v)\n | ...................^",
    ),
    ("9223372036854775808", "ERROR: <input>:1:1: invalid int literal\n | 9223372036854775808\n | ^"),
    ("-9223372036854775809", "ERROR: <input>:1:1: invalid int literal\n | -9223372036854775809\n | ^"),
    ("0xFFFFFFFFFFFFFFFFF", "ERROR: <input>:1:1: invalid int literal\n | 0xFFFFFFFFFFFFFFFFF\n | ^"),
    ("18446744073709551616u", "ERROR: <input>:1:1: invalid uint literal\n | 18446744073709551616u\n | ^"),
    ("1e400", "ERROR: <input>:1:1: invalid double literal\n | 1e400\n | ^"),
    ("'\\ud800'", "ERROR: <input>:1:1: invalid unicode code point\n | '\\ud800'\n | ^"),
    ("b'\\u0041'", "ERROR: <input>:1:1: unable to unescape string\n | b'\\u0041'\n | ^"),
    ("self.`a-b`", "ERROR: <input>:1:6: unsupported syntax: '`'\n | self.`a-b`\n | .....^"),
    ("x{`a`: 1}", "ERROR: <input>:1:3: unsupported syntax: '`'\n | x{`a`: 1}\n | ..^"),
    (
        "é",
        "ERROR: <input>:1:1: Syntax error: token recognition error at: 'é'\n | é\n | ＾\nERROR: <input>:1:2: Syntax error: mismatched input '<EOF>' expecting {'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}\n | é\n | ．^",
    ),
    (
        "'é' + é",
        "ERROR: <input>:1:7: Syntax error: token recognition error at: 'é'\n | 'é' + é\n | .．....＾\nERROR: <input>:1:8: Syntax error: mismatched input '<EOF>' expecting {'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}\n | 'é' + é\n | .．....．^",
    ),
    (
        "- x + * 2",
        "ERROR: <input>:1:7: Syntax error: extraneous input '*' expecting {'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}\n | - x + * 2\n | ......^",
    ),
    (
        "!",
        "ERROR: <input>:1:2: Syntax error: extraneous input '<EOF>' expecting {'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}\n | !\n | .^",
    ),
    ("a..b", "ERROR: <input>:1:3: Syntax error: no viable alternative at input '..'\n | a..b\n | ..^"),
    (".", "ERROR: <input>:1:2: Syntax error: no viable alternative at input '.'\n | .\n | .^"),
    (
        ".a(",
        "ERROR: <input>:1:4: Syntax error: mismatched input '<EOF>' expecting {'[', '{', '(', ')', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}\n | .a(\n | ...^",
    ),
    (
        "\"a\" \"b\"",
        "ERROR: <input>:1:5: Syntax error: extraneous input '\"b\"' expecting <EOF>\n | \"a\" \"b\"\n | ....^",
    ),
    ("x{,}", "ERROR: <input>:1:2: 'dyn' is not a type\n | x{,}\n | .^"),
    ("[1,,2]", "ERROR: <input>:1:4: Syntax error: mismatched input ',' expecting ']'\n | [1,,2]\n | ...^"),
    (
        "a &&",
        "ERROR: <input>:1:5: Syntax error: mismatched input '<EOF>' expecting {'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}\n | a &&\n | ....^",
    ),
    (
        "&& a",
        "ERROR: <input>:1:1: Syntax error: extraneous input '&&' expecting {'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}\n | && a\n | ^",
    ),
    ("a b c d", "ERROR: <input>:1:3: Syntax error: mismatched input 'b' expecting <EOF>\n | a b c d\n | ..^"),
    ("for", "ERROR: <input>:1:1: reserved identifier: for\n | for\n | ^"),
    (
        "x.all(y, y.all(z, )",
        "ERROR: <input>:1:19: Syntax error: mismatched input ')' expecting {'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}\n | x.all(y, y.all(z, )\n | ..................^\nERROR: <input>:1:20: Syntax error: missing ')' at '<EOF>'\n | x.all(y, y.all(z, )\n | ...................^",
    ),
    (
        "1 +\n  * 2\n\t|| )",
        "ERROR: <input>:2:3: Syntax error: extraneous input '*' expecting {'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}\n |   * 2\n | ..^\nERROR: <input>:3:5: Syntax error: mismatched input ')' expecting {'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}\n |  || )\n | ....^",
    ),
    (
        "\"é\" + \n  é",
        "ERROR: <input>:2:3: Syntax error: token recognition error at: 'é'\n |   é\n | ..＾\nERROR: <input>:2:4: Syntax error: mismatched input '<EOF>' expecting {'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}\n |   é\n | ..．^",
    ),
    ("x.y(1, 2", "ERROR: <input>:1:9: Syntax error: missing ')' at '<EOF>'\n | x.y(1, 2\n | ........^"),
];
