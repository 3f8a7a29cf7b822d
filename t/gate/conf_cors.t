# hx_gate_cors, and the environment that stands in for it.
use lib 't/lib'; use HX; use HXConf;
use Test::More;

use strict;
use warnings;

my $env = 'HX_GATE_CORS_ORIGINS';
my $directive = '"hx_gate_cors" directive';
my $args = "invalid number of arguments in $directive";

sub cors {
    return (http => "hx_gate_cors @_;");
}

sub bad_origin {
    my ($word, $why) = @_;
    conf_bad($word eq '' ? 'an empty word' : $word,
             qq(invalid origin "$word" in "hx_gate_cors", it $why),
             cors($word eq '' ? '""' : $word));
}


# what is an origin

conf_good($_, cors($_)) for
    'https://app.example', 'https://app.example:8443', 'off',
    'https://a.example https://b.example http://localhost:3000',
    'http://localhost', 'http://127.0.0.1:8080', 'http://[::1]:8080',
    'https://[2001:db8::1]', 'https://xn--bcher-kva.example',
    join ' ', map { "https://a$_.example" } 1 .. 64;

my $shape = 'does not begin with https:// or http://';
my $path = 'has a path, leave everything out from the slash on';
my $host = 'has no valid host';
my $own = "has the port that is its scheme's own, leave that out";
my $wild = 'has a wildcard, origins are compared as a whole';

bad_origin('', $shape);
bad_origin('app.example', $shape);
bad_origin('//app.example', $shape);
bad_origin('ftp://app.example', $shape);
bad_origin('on', $shape);
bad_origin('https://', $host);
bad_origin('https://app..example', $host);
bad_origin('https://app.example?', $host);
bad_origin('https://app.example,https:', $host);
bad_origin('https://app.example,https://b.example', $path);
bad_origin('https://app.example/', $path);
bad_origin('https://app.example/page', $path);
bad_origin('https://app.example.', 'has a dot at the end of its host');
bad_origin('https://App.example', 'must be in lower case');
bad_origin('HTTPS://app.example', 'must be in lower case');
bad_origin('https://user@app.example', 'has a user name, browsers send none');
bad_origin('https://*.example', $wild);
bad_origin('https://app.example:*', $wild);
bad_origin("https://b\xc3\xbccher.example",
           'has bytes beyond ASCII, such a name is written xn--...');
bad_origin('https://app.example:', 'has no valid port');
bad_origin('https://app.example:0', 'has no valid port');
bad_origin('https://app.example:65536', 'has no valid port');
bad_origin('https://app.example:443', $own);
bad_origin('http://localhost:80', $own);
bad_origin('https://127.1', 'has no valid IPv4 address');
bad_origin('https://[2001:db8:0::1]',
           'has no IPv6 address in its shortest form');
bad_origin('https://[::1]8443', 'is not "scheme://host[:port]"');
bad_origin('null', 'is what any sandboxed page sends, it cannot be allowed');


# the directive

conf_bad('nothing', $args, http => 'hx_gate_cors;');
conf_bad('twice', "$directive is duplicate",
         http => "hx_gate_cors off;\nhx_gate_cors https://b.example;\n",
         at => 'hx_gate_cors https://b');
conf_bad('twice, the other way', "$directive is duplicate",
         http => "hx_gate_cors https://b.example;\nhx_gate_cors off;\n",
         at => 'hx_gate_cors off');
conf_bad('in an if', "$directive is not allowed here",
         server => 'location / { if ($uri) { hx_gate_cors off; } }',
         at => 'hx_gate_cors');
conf_bad('an origin twice',
         'duplicate origin "https://a.example" in "hx_gate_cors"',
         cors('https://a.example https://b.example https://a.example'));
conf_bad('more than 64', 'more than 64 origins in "hx_gate_cors"',
         cors(map { "https://a$_.example" } 1 .. 65));
conf_bad('off, and more', 'invalid parameter "https://a.example"',
         cors('off https://a.example'));
conf_bad('off behind an origin',
         qq(invalid origin "off" in "hx_gate_cors", it $shape),
         cors('https://a.example off'));

# parameters, wherever they stand

conf_good($_, cors($_)) for
    'https://a.example max_age=0', 'https://a.example max_age=1d',
    'max_age=86400 https://a.example', 'https://a.example max_age=10m',
    'https://a.example credentials', 'credentials https://a.example max_age=1s';
for my $v ('', '1d1s', '86401', '-1', '100ms', "x") {
    conf_bad("max_age=$v", qq(invalid max_age "$v", it must be from 0s to 1d )
             . 'in whole seconds', cors("https://a.example max_age=$v"));
}
conf_bad('max_age twice', 'duplicate parameter "max_age=2"',
         cors('https://a.example max_age=1 max_age=2'));
conf_bad('credentials twice', 'duplicate parameter "credentials"',
         cors('https://a.example credentials credentials'));
conf_bad("parameters only: $_", 'no origin in "hx_gate_cors"', cors($_))
    for 'max_age=1', 'credentials';

# what is dangerous

conf_warn('any page', '"*" in "hx_gate_cors": any page may read answers',
          cors('*'));
conf_warn('any page, for a while',
          '"*" in "hx_gate_cors": any page may read answers',
          cors('* max_age=1h'));
conf_bad('any page twice', 'duplicate "*" in "hx_gate_cors"', cors('* *'));
conf_bad("any page and one: $_", '"*" and other origins in "hx_gate_cors"',
         cors($_)) for '* https://a.example', 'https://a.example *';
conf_bad("any page with credentials: $_",
         '"*" together with "credentials" in "hx_gate_cors": name the origins',
         cors($_)) for '* credentials', 'credentials *';
for my $v ('http://app.example', 'http://localhost.example', 'http://10.0.0.1')
{
    conf_warn($v, qq(origin "$v" in "hx_gate_cors" is not https: whoever is )
              . 'on the way may change its pages and read answers', cors($v));
}


# the environment, where there is no directive

conf_good("$env=$_", env => { $env => $_ }) for
    '', 'https://a.example', 'https://a.example,https://b.example:8443',
    ' https://a.example , http://localhost:3000 ';
conf_good('not set', env => { $env => undef });
conf_bad("$env=$_->[0]", qq(invalid origin "$_->[1]" in $env, it $_->[2]),
         env => { $env => $_->[0] }, at => 'location /v1/') for
    ['https://a.example/', 'https://a.example/', $path],
    ['https://a.example,', '', $shape],
    [',', '', $shape],
    [' ', '', $shape],
    ['https://a.example,,https://b.example', '', $shape],
    ['https://a.example https://b.example',
     'https://a.example https://b.example', $path],
    ['https://a.example,credentials', 'credentials', $shape],
    ['max_age=1', 'max_age=1', $shape],
    ['off', 'off', $shape],
    ['null', 'null', 'is what any sandboxed page sends, it cannot be allowed'];
conf_bad("$env: an origin twice", "duplicate origin \"https://a.example\" in "
         . $env, env => { $env => 'https://a.example, https://a.example' },
         at => 'location /v1/');
conf_bad("$env: more than 64", "more than 64 origins in $env",
         env => { $env => join ',', map { "https://a$_.example" } 1 .. 65 },
         at => 'location /v1/');
conf_bad("$env: any page and one", "\"*\" and other origins in $env",
         env => { $env => '*,https://a.example' }, at => 'location /v1/');
conf_warn("$env: any page", "\"*\" in $env: any page may read answers",
          env => { $env => '*' }, at => 'location /v1/');
conf_warn("$env: one warning, however many locations",
          "\"*\" in $env: any page may read answers",
          env => { $env => '*' }, at => 'server {',
          server => 'hx_gate on; hx_gate_operations hx-sdp; location /v1/put '
              . '{ return 200; } location /v1/get/ { return 200; }');

conf_inherits(env => $env, admin => 0,
    bad => qq(invalid origin "maybe" in $env, it $shape),
    on => 'hx_gate_cors https://a.example;', off => 'hx_gate_cors off;');

done_testing;
