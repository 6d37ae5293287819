//! Expressions with the type or the error that cel-go 0.26 gives them in the environment of Kubernetes 1.36.

/// An expression and its type, or its error.
pub(super) const TYPES: &[(&str, Result<&str, &str>)] = &[
    ("zzz", Err("ERROR: <input>:1:1: undeclared reference to 'zzz' (in container '')\n | zzz\n | ^")),
    ("f(1)", Err("ERROR: <input>:1:2: undeclared reference to 'f' (in container '')\n | f(1)\n | .^")),
    ("self.f(1)", Err("ERROR: <input>:1:7: undeclared reference to 'f' (in container '')\n | self.f(1)\n | ......^")),
    ("self.zzz", Err("ERROR: <input>:1:5: undefined field 'zzz'\n | self.zzz\n | ....^")),
    (
        "self.s.zzz",
        Err("ERROR: <input>:1:7: type 'string' does not support field selection\n | self.s.zzz\n | ......^"),
    ),
    (
        "self.i + self.s",
        Err(
            "ERROR: <input>:1:8: found no matching overload for '_+_' applied to '(int, string)'\n | self.i + self.s\n | .......^",
        ),
    ),
    (
        "1 + 1u",
        Err("ERROR: <input>:1:3: found no matching overload for '_+_' applied to '(int, uint)'\n | 1 + 1u\n | ..^"),
    ),
    ("!1", Err("ERROR: <input>:1:1: found no matching overload for '!_' applied to '(int)'\n | !1\n | ^")),
    ("-true", Err("ERROR: <input>:1:1: found no matching overload for '-_' applied to '(bool)'\n | -true\n | ^")),
    ("1 && true", Err("ERROR: <input>:1:1: expected type 'bool' but found 'int'\n | 1 && true\n | ^")),
    (
        "1 ? 2 : 3",
        Err(
            "ERROR: <input>:1:3: found no matching overload for '_?_:_' applied to '(int, int, int)'\n | 1 ? 2 : 3\n | ..^",
        ),
    ),
    (
        "true ? 1 : 'a'",
        Err(
            "ERROR: <input>:1:6: found no matching overload for '_?_:_' applied to '(bool, int, string)'\n | true ? 1 : 'a'\n | .....^",
        ),
    ),
    (
        "self.li.all(x, x)",
        Err("ERROR: <input>:1:16: expected type 'bool' but found 'int'\n | self.li.all(x, x)\n | ...............^"),
    ),
    (
        "self.li.map(x, x + 'a')",
        Err(
            "ERROR: <input>:1:18: found no matching overload for '_+_' applied to '(int, string)'\n | self.li.map(x, x + 'a')\n | .................^",
        ),
    ),
    (
        "self.s.all(c, true)",
        Err(
            "ERROR: <input>:1:5: expression of type 'string' cannot be range of a comprehension (must be list, map, or dynamic)\n | self.s.all(c, true)\n | ....^",
        ),
    ),
    (
        "self.li[true]",
        Err(
            "ERROR: <input>:1:8: found no matching overload for '_[_]' applied to '(list(int), bool)'\n | self.li[true]\n | .......^",
        ),
    ),
    (
        "self.m[1]",
        Err(
            "ERROR: <input>:1:7: found no matching overload for '_[_]' applied to '(map(string, string), int)'\n | self.m[1]\n | ......^",
        ),
    ),
    ("'a' in self.mi", Ok("bool")),
    (
        "1 in self.ls",
        Err(
            "ERROR: <input>:1:3: found no matching overload for '@in' applied to '(int, list(string))'\n | 1 in self.ls\n | ..^",
        ),
    ),
    (
        "self.ls.exists(x, x == 1)",
        Err(
            "ERROR: <input>:1:21: found no matching overload for '_==_' applied to '(string, int)'\n | self.ls.exists(x, x == 1)\n | ....................^",
        ),
    ),
    (
        "size(1)",
        Err("ERROR: <input>:1:5: found no matching overload for 'size' applied to '(int)'\n | size(1)\n | ....^"),
    ),
    (
        "self.s.size(1)",
        Err(
            "ERROR: <input>:1:12: found no matching overload for 'size' applied to 'string.(int)'\n | self.s.size(1)\n | ...........^",
        ),
    ),
    ("[1, 'a']", Err("ERROR: <input>:1:5: expected type 'int' but found 'string'\n | [1, 'a']\n | ....^")),
    (
        "{1: 2, 'a': 3}",
        Err("ERROR: <input>:1:8: expected type 'int' but found 'string'\n | {1: 2, 'a': 3}\n | .......^"),
    ),
    (
        "[[1], ['a']]",
        Err("ERROR: <input>:1:7: expected type 'list(int)' but found 'list(string)'\n | [[1], ['a']]\n | ......^"),
    ),
    (
        "[dyn(1), 'a']",
        Err("ERROR: <input>:1:10: expected type 'dyn' but found 'string'\n | [dyn(1), 'a']\n | .........^"),
    ),
    (
        "'%s'.format([1, 'a'])",
        Err(
            "ERROR: <input>:1:12: too many arguments supplied to string.format (expected 1, got 2)\n | '%s'.format([1, 'a'])\n | ...........^",
        ),
    ),
    (
        "'%d'.format(['a'])",
        Err(
            "ERROR: <input>:1:14: error during formatting: decimal clause can only be used on integers, was given string\n | '%d'.format(['a'])\n | .............^",
        ),
    ),
    (
        "'%s %s'.format(['a'])",
        Err("ERROR: <input>:1:15: index 1 out of range\n | '%s %s'.format(['a'])\n | ..............^"),
    ),
    (
        "'%y'.format([1])",
        Err(
            "ERROR: <input>:1:12: could not parse formatting clause: unrecognized formatting clause \"y\"\n | '%y'.format([1])\n | ...........^",
        ),
    ),
    (
        "'%.'.format([1])",
        Err(
            "ERROR: <input>:1:12: could not parse formatting clause: error while parsing precision: could not find end of precision specifier\n | '%.'.format([1])\n | ...........^",
        ),
    ),
    ("duration('1')", Err("ERROR: <input>:1:10: invalid duration argument\n | duration('1')\n | .........^")),
    ("duration('1h')", Ok("duration")),
    (
        "timestamp('2020-02-30T00:00:00Z')",
        Err("ERROR: <input>:1:11: invalid timestamp argument\n | timestamp('2020-02-30T00:00:00Z')\n | ..........^"),
    ),
    ("timestamp('2020-02-29T00:00:00+01:00')", Ok("timestamp")),
    ("'a'.matches('a(')", Err("ERROR: <input>:1:13: invalid matches argument\n | 'a'.matches('a(')\n | ............^")),
    ("self.?zzz", Err("ERROR: <input>:1:5: undefined field 'zzz'\n | self.?zzz\n | ....^")),
    (
        "self.?s.foo",
        Err("ERROR: <input>:1:8: type 'string' does not support field selection\n | self.?s.foo\n | .......^"),
    ),
    (
        "[?self.s]",
        Err("ERROR: <input>:1:7: expected type 'optional_type(string)' but found 'string'\n | [?self.s]\n | ......^"),
    ),
    ("[?self.?s]", Ok("list(string)")),
    (
        "{?'a': 1}",
        Err("ERROR: <input>:1:8: expected type 'optional_type(int)' but found 'int'\n | {?'a': 1}\n | .......^"),
    ),
    (
        "optional.of(1).orValue('a')",
        Err(
            "ERROR: <input>:1:23: found no matching overload for 'orValue' applied to 'optional_type(int).(string)'\n | optional.of(1).orValue('a')\n | ......................^",
        ),
    ),
    (
        "quantity('1').foo",
        Err(
            "ERROR: <input>:1:14: unexpected failed resolution of 'kubernetes.Quantity'\n | quantity('1').foo\n | .............^",
        ),
    ),
    (
        "ip('1').foo",
        Err("ERROR: <input>:1:8: type 'net.IP' does not support field selection\n | ip('1').foo\n | .......^"),
    ),
    (
        "ip('1') == cidr('1')",
        Err(
            "ERROR: <input>:1:9: found no matching overload for '_==_' applied to '(net.IP, net.CIDR)'\n | ip('1') == cidr('1')\n | ........^",
        ),
    ),
    (
        "self.ts + self.ts",
        Err(
            "ERROR: <input>:1:9: found no matching overload for '_+_' applied to '(timestamp, timestamp)'\n | self.ts + self.ts\n | ........^",
        ),
    ),
    ("self.ts - self.ts", Ok("duration")),
    (
        "self.by == self.s",
        Err(
            "ERROR: <input>:1:9: found no matching overload for '_==_' applied to '(bytes, string)'\n | self.by == self.s\n | ........^",
        ),
    ),
    (
        "null == self.i",
        Err(
            "ERROR: <input>:1:6: found no matching overload for '_==_' applied to '(null, int)'\n | null == self.i\n | .....^",
        ),
    ),
    ("null == self.obj", Ok("bool")),
    ("null == self.ts", Ok("bool")),
    ("type(1) == int", Ok("bool")),
    ("type(self.s) == string", Ok("bool")),
    (
        "Self{s: 1}",
        Err(
            "ERROR: <input>:1:7: expected type of field 's' is 'string' but provided type is 'int'\n | Self{s: 1}\n | ......^",
        ),
    ),
    ("Self{zz: 1}", Err("ERROR: <input>:1:8: undefined field 'zz'\n | Self{zz: 1}\n | .......^")),
    (
        "Self{?s: 'a'}",
        Err(
            "ERROR: <input>:1:10: expected type 'optional_type(string)' but found 'string'\n | Self{?s: 'a'}\n | .........^",
        ),
    ),
    (
        "self{s: 1}",
        Err(
            "ERROR: <input>:1:5: 'Self' is not a type\n | self{s: 1}\n | ....^\nERROR: <input>:1:7: unexpected failed resolution of 'self'\n | self{s: 1}\n | ......^",
        ),
    ),
    ("Foo{s: 1}", Err("ERROR: <input>:1:4: undeclared reference to 'Foo' (in container '')\n | Foo{s: 1}\n | ...^")),
    (
        "int{s: 1}",
        Err(
            "ERROR: <input>:1:4: 'int' is not a message type\n | int{s: 1}\n | ...^\nERROR: <input>:1:6: undefined field 's'\n | int{s: 1}\n | .....^",
        ),
    ),
    (
        "cel.bind(a, 1, a)",
        Err(
            "ERROR: <input>:1:1: undeclared reference to 'cel' (in container '')\n | cel.bind(a, 1, a)\n | ^\nERROR: <input>:1:9: undeclared reference to 'bind' (in container '')\n | cel.bind(a, 1, a)\n | ........^\nERROR: <input>:1:10: undeclared reference to 'a' (in container '')\n | cel.bind(a, 1, a)\n | .........^\nERROR: <input>:1:16: undeclared reference to 'a' (in container '')\n | cel.bind(a, 1, a)\n | ...............^",
        ),
    ),
    (
        "math.greatest(1, 2)",
        Err(
            "ERROR: <input>:1:1: undeclared reference to 'math' (in container '')\n | math.greatest(1, 2)\n | ^\nERROR: <input>:1:14: undeclared reference to 'greatest' (in container '')\n | math.greatest(1, 2)\n | .............^",
        ),
    ),
    (
        "jsonpatch.escapeKey('a')",
        Err(
            "ERROR: <input>:1:1: undeclared reference to 'jsonpatch' (in container '')\n | jsonpatch.escapeKey('a')\n | ^\nERROR: <input>:1:20: undeclared reference to 'escapeKey' (in container '')\n | jsonpatch.escapeKey('a')\n | ...................^",
        ),
    ),
    (
        "[1].existsOne(x, true)",
        Err(
            "ERROR: <input>:1:14: undeclared reference to 'existsOne' (in container '')\n | [1].existsOne(x, true)\n | .............^",
        ),
    ),
    ("[3, 1].sortBy(x, -x)", Ok("list(int)")),
    ("self.items.sortBy(x, x.name)", Ok("list(Self.items)")),
    (
        "[[1]].sort()",
        Err(
            "ERROR: <input>:1:11: found no matching overload for 'sort' applied to 'list(list(int)).()'\n | [[1]].sort()\n | ..........^",
        ),
    ),
    ("self.li.sum()", Ok("int")),
    (
        "self.ls.sum()",
        Err(
            "ERROR: <input>:1:12: found no matching overload for 'sum' applied to 'list(string).()'\n | self.ls.sum()\n | ...........^",
        ),
    ),
    ("authorizer.path('/').check('get').allowed()", Ok("bool")),
    (
        "authorizer.group('a').check('b')",
        Err(
            "ERROR: <input>:1:28: found no matching overload for 'check' applied to 'kubernetes.authorization.GroupCheck.(string)'\n | authorizer.group('a').check('b')\n | ...........................^",
        ),
    ),
    ("any.name", Ok("string")),
    ("any.name.size()", Ok("int")),
    ("any", Err("ERROR: <input>:1:1: undeclared reference to 'any' (in container '')\n | any\n | ^")),
    (
        "self.obj.tags.foo",
        Err(
            "ERROR: <input>:1:14: type 'list(string)' does not support field selection\n | self.obj.tags.foo\n | .............^",
        ),
    ),
    ("{'a': 1}.a", Ok("int")),
    ("self.m.transformMapEntry(k, v, {v: k})", Ok("map(string, string)")),
    ("self.dyn.anything[1].at.all(x, x)", Ok("bool")),
    ("self.li.all(self, self > 1)", Ok("bool")),
    (".self.s", Ok("string")),
    ("[].all(x, x)", Ok("bool")),
    ("[1, 2].isSorted() && ['a'].max() == 'a'", Ok("bool")),
    ("optional.none()", Ok("optional_type(dyn)")),
    ("[] + [1]", Ok("list(int)")),
    (
        "[self.b, 1, zzz, 'x']",
        Err(
            "ERROR: <input>:1:13: undeclared reference to 'zzz' (in container '')\n | [self.b, 1, zzz, 'x']\n | ............^",
        ),
    ),
];
