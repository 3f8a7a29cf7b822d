# Bodies whose namespace cannot be known for certain, or that are no JSON: 400
# with the reason, and the engine never hears of them.
use lib 't/lib'; use HX; use HXGate;
use Test::More;

use strict;
use warnings;
use utf8;

HXGate::upstream();
HXGate::tenants({ tenant_id => 'acme',
                  namespaces => ['prod', 'default', 'evil'] });
my $server = HXGate::Server->new->start;
my $forwarded = 0;

sub post {
    my ($body, $path) = @_;
    return $server->request('POST', $path // '/v1/put', body => $body,
                            key => $HXGate::Key{acme});
}

sub refused {
    my ($name, $body, $detail, $path) = @_;

    my $r = post($body, $path);
    is "$r->{status} $r->{json}{error}: $r->{json}{detail}",
        "400 invalid_request: $detail", $name;
    is $r->{headers}{'x-hx-cus'}, '0.0', "$name: costs nothing";
}

sub taken {
    my ($name, $body, $ns, $path) = @_;

    my $r = post($body, $path);
    is $r->{status}, 200, $name;
    is HXGate::sent($r->{json}, 'X-HX-Namespace'), $ns, "$name: namespace";
    is $r->{json}{body_length}, length $body, "$name: whole";
    $forwarded++;
}

sub nested {
    my ($depth) = @_;
    # the body's own object is the first
    return '{"x":' . '[' x ($depth - 1) . ']' x ($depth - 1) . '}';
}

my $dup = "Duplicate field 'namespace'";
my $type = "Field 'namespace' must be a string";
my $bad = 'Invalid JSON body';
my $long = 'x' x 6000;

# twice, in any spelling, whatever stands between or in them
refused('the same twice', '{"namespace":"prod","namespace":"prod"}', $dup);
refused('two values', '{"namespace":"prod","namespace":"evil"}', $dup);
refused('the second escaped',
        '{"namespace":"prod","\u006eamespace":"evil"}', $dup);
refused('the first escaped',
        '{"n\u0061mespac\u0065":"prod","namespace":"evil"}', $dup);
refused('both escaped, upper and lower case hex',
        '{"\u006E\u0061mespace":"prod","\u006e\u0061mespace":"evil"}', $dup);
refused('far apart', '{"namespace":"prod","data_b64":"' . 'QUJD' x 50_000
        . '","namespace":"evil"}', $dup);
refused('the second null', '{"namespace":"prod","namespace":null}', $dup);
refused('an object between',
        '{"namespace":"prod","m":{"namespace":1},"namespace":"evil"}', $dup);

# not a string, not a namespace
refused('null', '{"namespace":null}', $type);
refused('number', '{"namespace":7}', $type);
refused('boolean', '{"namespace":true}', $type);
refused('array', '{"namespace":["prod"]}', $type);
refused('object', '{"namespace":{"namespace":"prod"}}', $type);
refused('empty', '{"namespace":""}', "Invalid namespace ''");
refused('blank', '{"namespace":"x y"}', "Invalid namespace 'x y'");
refused('slash', '{"namespace":"a/b"}', "Invalid namespace 'a/b'");
refused('dots', '{"namespace":".."}', "Invalid namespace '..'");
refused('quotes come back escaped', '{"namespace":"a\"\\\\b"}',
        "Invalid namespace 'a\"\\b'");
refused('line break, as in a header', '{"namespace":"a\r\nX-HX-Tenant: b"}',
        "Invalid namespace 'a\r\nX-HX-Tenant: b'");
refused('NUL inside', '{"namespace":"prod\u0000"}',
        "Invalid namespace 'prod\0'");
refused('letters beyond ASCII', qq({"namespace":"prod\xc3\xa4"}),
        "Invalid namespace 'prodä'");
refused('256 characters', '{"namespace":"' . 'n' x 256 . '"}',
        "Invalid namespace '" . 'n' x 255 . "'");
{
    my $r = post(qq({"namespace":"$long"}));
    is "$r->{status} $r->{json}{error}", '400 invalid_request', '6000 of them';
    like $r->{json}{detail}, qr/^Invalid namespace '/, '6000 of them: reason';
    cmp_ok length $r->{json}{detail}, '<', 300, '6000 of them: not all back';
}

# no JSON object
refused('nothing', '', $bad);
refused('blanks only', " \n ", $bad);
refused('array', '[{"namespace":"prod"}]', $bad);
refused('string', '"namespace"', $bad);
refused('number', '42', $bad);
refused('null', 'null', $bad);
refused('two texts', '{"namespace":"prod"}{"namespace":"evil"}', $bad);
refused('something behind', '{"namespace":"prod"} x', $bad);
refused('NUL behind', qq({"namespace":"prod"}\0), $bad);
refused('comma behind', '{"namespace":"prod"},', $bad);
refused('comma before the end', '{"namespace":"prod",}', $bad);
refused('no colon', '{"namespace" "prod"}', $bad);
refused('name without quotes', '{namespace:"prod"}', $bad);
refused('single quotes', "{'namespace':'prod'}", $bad);
refused('comment', '{"namespace":"prod"/*,"x":1*/}', $bad);
refused('form feed', qq({\f"namespace":"prod"}), $bad);
refused('byte order mark', qq(\xef\xbb\xbf{"namespace":"prod"}), $bad);
refused('UTF-16', join('', map { "$_\0" } split //, '{"a":1}'), $bad);
refused('NaN', '{"x":NaN}', $bad);
refused('hexadecimal', '{"x":0x10}', $bad);
refused('leading zero', '{"x":012}', $bad);
refused('bare minus', '{"x":-}', $bad);
refused('plus', '{"x":+1}', $bad);
refused('point without digits', '{"x":1.}', $bad);
refused('wrong closing', '{"x":[1}}', $bad);
refused('tab inside a string', qq({"x":"a\tb"}), $bad);
refused('unknown escape', '{"x":"\q"}', $bad);
refused('short \u', '{"x":"\u00g0"}', $bad);

# cut anywhere
{
    my $whole = '{"namespace":"prod","m":{"a":[1.5e2,true,null,"\u00e4"]}}';
    my @wrong;
    for my $n (0 .. length($whole) - 1) {
        my $r = post(substr $whole, 0, $n);
        push @wrong, $n if $r->{status} != 400
            || $r->{json}{detail} ne $bad;
    }
    is "@wrong", '', 'cut at every byte';
    taken('not cut', $whole, 'prod');
}

# strict UTF-8, in names, values, and long values alike
my %utf8 = (
    'lone continuation'        => "\x80",
    'cut sequence'             => "\xe2\x82",
    'overlong slash'           => "\xc0\xaf",
    'overlong in three'        => "\xe0\x80\xaf",
    'surrogate'                => "\xed\xa0\x80",
    'beyond U+10FFFF'          => "\xf4\x90\x80\x80",
    'five bytes'               => "\xf8\x88\x80\x80\x80",
    'FE'                       => "\xfe",
    'Latin-1'                  => "\xe4",
);
for my $what (sort keys %utf8) {
    refused("$what in a value", qq({"x":"$utf8{$what}"}), $bad);
    refused("$what in a name", qq({"$utf8{$what}":1}), $bad);
    refused("$what deep in a long value",
            qq({"data_b64":"$long$utf8{$what}$long"}), $bad);
    refused("$what in an inner name", qq({"m":{"$utf8{$what}":1}}), $bad);
}
taken('all of UTF-8', qq({"x":"\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf)
      . qq(\xee\x80\x80\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"}), 'default');

# \u escapes of halves of a pair
refused('high surrogate alone', '{"x":"\ud800"}', $bad);
refused('low surrogate alone', '{"x":"\udc00"}', $bad);
refused('two high ones', '{"x":"\ud800\ud800"}', $bad);
refused('the wrong way round', '{"x":"\udc00\ud800"}', $bad);
refused('a letter between', '{"x":"\ud83da\ude00"}', $bad);
refused('in a name', '{"\ud800":1}', $bad);
refused('in the namespace', '{"namespace":"prod\ud800"}', $bad);
refused('in a long value', qq({"x":"$long\\ud800$long"}), $bad);
taken('a whole pair', '{"x":"\ud83d\ude00"}', 'default');

# depth
taken('64 levels', nested(64), 'default');
refused('65 levels', nested(65), $bad);
refused('100,000 levels', nested(100_000), $bad);
refused('100,000 that never end', '[' x 100_000, $bad);
refused('objects all the way down', '{"a":' x 65 . '1' . '}' x 65, $bad);
taken('64 objects', '{"a":' x 64 . '1' . '}' x 64, 'default');
refused('deep before the namespace',
        '{"x":' . '[' x 64 . ']' x 64 . ',"namespace":"prod"}', $bad);

# long tokens
taken('a number of 512 digits', '{"x":' . '1' x 512 . '}', 'default');
refused('a number of 100,000 digits', '{"x":' . '1' x 100_000 . '}', $bad);
taken('a name of 4096 letters', '{"' . 'a' x 4096
      . '":1,"namespace":"prod"}', 'prod');
refused('a name of 4097 letters', '{"' . 'a' x 4097
        . '":1,"namespace":"prod"}', $bad);
refused('a name of 100,000 letters', '{"namespace":"prod","'
        . 'a' x 100_000 . '":1,"namespace":"evil"}', $bad);
refused('a name long only as written', '{"' . '\u0061' x 700
        . '":1,"namespace":"prod"}', $bad);
taken('100,000 members', '{' . join(',', map { qq("a$_":$_) } 1 .. 100_000)
      . ',"namespace":"prod"}', 'prod');

# the variant's member is as strict
my $mode = "Duplicate field 'mode'";
refused('two modes', '{"mode":"dense","mode":"gpu"}', $mode, '/v1/serve');
refused('two modes, one escaped', '{"mode":"dense","\u006dode":"gpu"}', $mode,
        '/v1/serve');
refused('a mode of another type', '{"mode":1}',
        "Field 'mode' must be a string", '/v1/serve');
taken('another operation may have two', '{"mode":1,"mode":2}', 'default');

# what was not taken never went anywhere
taken('and now a last one', '{"namespace":"prod"}', 'prod');
my @seen = HXGate::upstream_log();
is scalar(grep { ref } @seen), $forwarded, 'only what was taken came through';
is scalar(grep { !ref } @seen), $forwarded, 'not even a connection else';

is $server->stop, 0, 'nginx ends well';
is join("\n", $server->logged(qr/\[(?:error|crit|alert|emerg)\]/)), '',
    'nothing an operator has to look at';

done_testing;
