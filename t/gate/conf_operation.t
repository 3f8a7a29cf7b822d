# hx_gate_operation, hx_gate_operations
use lib 't/lib'; use HX; use HXConf;
use Test::More;

use strict;
use warnings;

sub operation {
    return (http => 'hx_gate_operation ' . join(' ', @_) . ';');
}

my $path = sub { qq(operation path "$_[0]" $_[1]) };
my $name = sub { qq(invalid operation name "$_[0]", it must be 1 to 32 of )
                 . '[a-z0-9_]' };

conf_good('hx-sdp', http => 'hx_gate_operations hx-sdp;');
conf_good('own ones beside', server => <<'EOC');
hx_gate_operations hx-sdp;
hx_gate_operation a GET /v1/a;
hx_gate_operation b POST "/v1/b/{ns}" namespace=path cost=0.1 scope=read;
hx_gate_operation c POST /v1/c namespace=body cost=12.5 scope=write;
hx_gate_operation d M-SEARCH "/v1/{anything}/d/{ns}/{key}" cost=0;
hx_gate_operation e PUT "~^/e/(?<ns>[a-z]+)/(?<key>.+)$" namespace=path;
hx_gate_operation e DELETE "~^/e/(?P<ns>[a-z]+)$";
location /v1/ { hx_gate on; return 200; }
EOC
conf_good('the longest name', operation('n' x 32, 'GET', '/x'));

conf_bad('another set', 'unknown set of operations "hx-sdp2", there is '
         . '"hx-sdp"', http => 'hx_gate_operations hx-sdp2;');
conf_bad('no set', 'invalid number of arguments in "hx_gate_operations" '
         . 'directive', http => 'hx_gate_operations;');
conf_bad('no path', '"hx_gate_operation" directive needs a name, a method '
         . 'and a path', operation('a', 'GET'));
conf_bad('only a name', 'invalid number of arguments in "hx_gate_operation" '
         . 'directive', operation('a'));
conf_bad('a name in capitals', $name->('Put'), operation('Put', 'GET', '/x'));
conf_bad('a name with a dash', $name->('a-b'), operation('a-b', 'GET', '/x'));
conf_bad('an empty name', $name->(''), operation('""', 'GET', '/x'));
conf_bad('a long name', $name->('n' x 33), operation('n' x 33, 'GET', '/x'));
conf_bad('a method in small letters', 'invalid method "get"',
         operation('a', 'get', '/x'));
conf_bad('a method with a blank', 'invalid method "GE T"',
         operation('a', '"GE T"', '/x'));
conf_bad('an empty method', 'invalid method ""', operation('a', '""', '/x'));
conf_bad('a long method', 'invalid method "' . 'M' x 17 . '"',
         operation('a', 'M' x 17, '/x'));

conf_bad('no slash', $path->('x', 'must begin with "/"'),
         operation('a', 'GET', 'x'));
conf_bad('only a slash', $path->('/', 'must begin with "/"'),
         operation('a', 'GET', '/'));
conf_bad('empty', $path->('', 'must begin with "/"'),
         operation('a', 'GET', '""'));
conf_bad('empty segment', $path->('/a//b', 'has an empty segment'),
         operation('a', 'GET', '/a//b'));
conf_bad('slash at the end', $path->('/a/', 'has an empty segment'),
         operation('a', 'GET', '/a/'));
conf_bad('placeholder in a word', $path->('/a{ns}', 'has a placeholder that '
         . 'is not a whole segment'), operation('a', 'GET', '"/a{ns}"'));
conf_bad('placeholder not closed', $path->('/{ns', 'has a placeholder that '
         . 'is not a whole segment'), operation('a', 'GET', '"/{ns"'));
conf_bad('two namespaces', $path->('/{ns}/{ns}', 'has a placeholder twice'),
         operation('a', 'GET', '"/{ns}/{ns}"'));
conf_bad('key before the end',
         $path->('/{key}/{ns}', 'has {key} before its end'),
         operation('a', 'GET', '"/{key}/{ns}"'));
conf_bad('namespace=path without {ns}',
         $path->('/a', 'has namespace=path but no {ns}'),
         operation('a', 'GET', '/a', 'namespace=path'));
conf_bad('{ns} and namespace=body',
         $path->('/{ns}', 'has {ns} without namespace=path'),
         operation('a', 'GET', '"/{ns}"', 'namespace=body'));
conf_bad('{ns} and namespace=none',
         $path->('/{ns}', 'has {ns} without namespace=path'),
         operation('a', 'GET', '"/{ns}"', 'namespace=none'));
conf_bad('many segments',
         $path->('/a' x 17, 'has too many segments'),
         operation('a', 'GET', '/a' x 17));

conf_good('costs', http => join "\n", map
    { "hx_gate_operation a GET /x cost=$_;" } qw(0 0.0 .5 1 1.0 2.5 100000000));
for my $cost ('', '-1', '1.25', 'free', '1,5', '1e3', '.', '1.', '200000000') {
    conf_bad("cost \"$cost\"", length $cost
        ? qq(invalid cost "$cost", it must be a number with at most one )
          . 'decimal' : 'invalid parameter "cost="',
        operation('a', 'GET', '/x', "cost=$cost"));
}
conf_bad('unknown scope', 'invalid parameter "scope=all"',
         operation('a', 'GET', '/x', 'scope=all'));
conf_bad('unknown namespace', 'invalid parameter "namespace=header"',
         operation('a', 'GET', '/x', 'namespace=header'));
conf_bad('unknown option', 'invalid parameter "price=1"',
         operation('a', 'GET', '/x', 'price=1'));

{
    my ($code, $text) = conf_text(operation('a', 'GET', '"~^/(?<ns>["'));
    is $code, 1, 'a broken expression: refused';
    like $text, qr{operation path "~\^/\(\?<ns>\[" .* in \S+:\d+$}m,
        'a broken expression: why and where';
    ($code, $text) = conf_text(operation('a', 'GET', '"~^/x$"',
                                         'namespace=path'));
    is $code, 1, 'an expression without the namespace: refused';
    like $text, qr{operation path "~\^/x\$" .*ns.* in \S+:\d+$}m,
        'an expression without the namespace: why and where';
}

conf_good('128 in one place', http => join "\n", map
    { "hx_gate_operation a GET /x$_;" } 1 .. 128);
conf_bad('129 in one place', 'more than 128 operations in one place',
    http => join("\n", map { "hx_gate_operation a GET /x$_;" } 1 .. 129),
    at => '/x129;');

done_testing;
