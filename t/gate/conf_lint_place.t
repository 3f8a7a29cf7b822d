# Findings of nginx -t name the file and line of the directive, whatever file it
# is in, and come once.
use lib 't/lib'; use HX; use HXConf; use HXGate;
use Test::More;

use strict;
use warnings;

my $dir = $HXGate::Dir;
my $pass = 'proxy_pass http://127.0.0.1:1;';
my $keys = '"proxy_set_header X-Api-Key" hands a client\'s credential on where '
    . '"hx_gate" is on: the engine gets the service key and nothing else';
my $expires = '"expires" lets caches between here and the clients give answers '
    . 'to whoever asks next, past "hx_gate"';

# What is said, without the directory.
sub said {
    my ($code, $text) = conf_text(@_);
    my @said = $text =~ /\[(?:warn|emerg)\] (.*)/g;
    s/\Q$dir\E\///g for @said;
    return ($code, @said);
}

mkdir "$dir/d" or die $!;
HXGate::spew("$dir/d/1.conf", "# nothing\n\nexpires\n    1h\n    ;\n");
HXGate::spew("$dir/d/2.conf", "proxy_set_header X-Api-Key \$http_x_api_key;");
HXGate::spew("$dir/d/3.conf", "include $dir/d/1.conf;\n");

my @server = ("hx_gate_operations hx-sdp;\nlocation /v1/ { hx_gate on; ",
              " $pass }");
is_deeply([said(server => join "include $dir/d/1.conf;", @server)],
          [0, "$expires in d/1.conf:5"], 'an included file');
is_deeply([said(server => join "include $dir/d/3.conf;", @server)],
          [0, "$expires in d/1.conf:5"], 'a file that is included there');
is_deeply([said(server => join "include $dir/d/[12].conf;", @server)],
          [1, "$keys in d/2.conf:1", "$expires in d/1.conf:5"],
          'several, and all that is wrong');
is_deeply([said(server => join "include $dir/d/none*.conf;", @server)], [0],
          'none');
is_deeply([said(server => join 'include 4.conf; ', @server)],
          [1, 'open() "conf/4.conf" failed (2: No such file or directory) in '
              . 'conf/nginx.conf:25'], 'what nginx cannot read');

# once, however many locations
conf_warn('one directive, many locations', $expires, server => <<"EOC",
hx_gate_operations hx-sdp;
expires 1h;
location /v1/put { hx_gate on; $pass }
location /v1/get/ { hx_gate on; $pass if (\$arg_x) { } }
location /v1/list/ { hx_gate on; $pass limit_except GET { deny all; } }
EOC
          at => 'expires');
{
    my ($code, @said) = said(server => <<"EOC");
hx_gate_operations hx-sdp;
location /v1/put { hx_gate on; $pass expires 1h; }
location /v1/get/ { hx_gate on; $pass
    expires 1h;
}
EOC
    is_deeply(\@said, ["$expires in conf/nginx.conf:25",
                       "$expires in conf/nginx.conf:27"],
              'two directives');
}

# as nginx reads words
for my $text ('"expires" 1h;', "'expires'   '1h'  ;", "expires\t\"1h\"\r;",
              "expires # for now;\n 1h ;", "\n\n\nexpires\n\n1h;")
{
    my $line = 25 + ($text =~ tr/\n//);
    is_deeply([said(server => join $text, @server)],
              [0, "$expires in conf/nginx.conf:$line"], "<$text>");
}
for my $text ('# expires 1h;', 'add_header X "; expires 1h;";',
              q(add_header X '} expires 1h; {';),
              'add_header X "\\"; expires 1h; \\"";',
              'add_header X \\;expires; if ($arg_x ~ "^a{2}$") { }',
              'add_header X ${arg_x}expires;')
{
    is_deeply([said(server => join "\n$text\n", @server)], [0],
              "<$text> has no directive of that name");
}

# an if is no other place, and other blocks are none at all
is_deeply([said(http => "map \$uri \$x {\ndefault 1;\nexpires 1h;\n}")], [0],
          'a line of a map');
is_deeply([said(server => join 'if ($arg_x) { expires 1h; }', @server)],
          [0, "$expires in conf/nginx.conf:25"], 'in an if');

# what cannot be read once more is not looked at, and nothing else is
HXGate::spew("$dir/d/large.conf", "#234567\n" x (2 << 20) . '#');
is_deeply([said(server => join "expires 1h; include $dir/d/large.conf;",
                               @server)],
          [0, 'not looked for dangerous combinations: the configuration cannot '
              . 'be read again, it is too large in d/large.conf:1'],
          'a file that is too large');
unlink "$dir/d/large.conf" or die $!;

# blocks that are looked at when they are merged
my $open = '"hx_gate_metrics" is open to everybody: there is no "deny all" '
    . 'in location "/m"';
HXGate::spew("$dir/d/m.conf", "\n\nlocation /m {\nhx_gate_metrics; }");
is_deeply([said(http => 'server { listen ' . HX::port(3)
                . "; include $dir/d/m.conf; }")],
          [0, "$open in d/m.conf:3"], 'a location in an included file');
is_deeply([said(zone => '', server => "include $dir/d/m.conf;")],
          [1, 'the gate needs a "hx_gate_zone" directive in d/m.conf:3'],
          'where the gate is used');

done_testing;
