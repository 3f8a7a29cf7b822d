# hx_gate_service_key, and the environment variable that stands in for it.
# Whatever is wrong with a key, no message repeats it.
use lib 't/lib'; use HX; use HXConf; use HXGate;
use Test::More;

use strict;
use warnings;

my $file = "$HXGate::Dir/some.key";
my $good = 'Sesame-' x 5;
my $short = 'Sesame-' x 4 . 'xyz';

sub in_file {
    my ($text, $mode) = @_;
    HXGate::spew($file, $text);
    chmod $mode // 0600, $file or die $!;
    return (key => "hx_gate_service_key file:$file;");
}

sub in_env {
    my ($text, $name) = @_;
    return (key => "hx_gate_service_key env:MY_KEY;",
            env => { MY_KEY => $text });
}

sub few {
    my ($where, $n) = @_;
    return qq(the service key in "$where" has $n characters, it must have )
        . '32 or more';
}

sub odd {
    my ($where) = @_;
    return qq(the service key in "$where" must be at most 256 printable )
        . 'characters without blanks';
}

is length $short, 31, 'one too few';

conf_good('a file', in_file($good));
conf_good('a file with a line break at the end', in_file("$good\n"));
conf_good('32 characters', in_file("${short}x"));
conf_good('256 characters', in_file('k' x 256 . "\n"));
conf_good('a path from the prefix of the configuration',
          key => 'hx_gate_service_key file:../service.key;');
conf_good('the environment', in_env($good));
conf_good('the documented variable by default', key => '',
          env => { HX_GATE_ENGINE_SERVICE_KEY => $good });
conf_good('a directive wins over the variable', in_file($good),
          env => { HX_GATE_ENGINE_SERVICE_KEY => 'short' });

for my $mode (0400, 0600, 0640, 0660) {
    conf_good(sprintf('mode %04o', $mode), in_file($good, $mode));
}
for my $mode (0604, 0644, 0602, 0601, 0777) {
    conf_warn(sprintf('mode %04o', $mode), 'everybody on this machine has '
              . qq(access to the key in "$file": chmod 600),
              in_file($good, $mode));
}

conf_bad('31 characters', few($file, 31), in_file("$short\n"));
conf_bad('an empty file', few($file, 0), in_file(''));
conf_bad('only a line break', few($file, 0), in_file("\n"));
conf_bad('257 characters', odd($file), in_file('k' x 257));
conf_bad('a large file', odd($file), in_file('k' x 100_000));
conf_bad('DOS line break', odd($file), in_file("$good\r\n"));
conf_bad('two lines', odd($file), in_file("$good\n$good\n"));
conf_bad('a blank', odd($file), in_file("$good $good"));
conf_bad('a blank at the end', odd($file), in_file("$good \n"));
conf_bad('NUL', odd($file), in_file("$good\0$good"));
conf_bad('beyond ASCII', odd($file), in_file("$good\xc3\xa4"));
conf_bad('no such file', qq(open() "$file.none" failed )
         . '(2: No such file or directory)',
         key => "hx_gate_service_key file:$file.none;");
conf_bad('a directory', qq(read() "$HXGate::Dir/registry" failed )
         . '(21: Is a directory)',
         key => "hx_gate_service_key file:$HXGate::Dir/registry;");
conf_bad('31 in the environment', few('MY_KEY', 31), in_env($short));
conf_bad('none in the environment', few('MY_KEY', 0), in_env(''));
conf_bad('a blank in the environment', odd('MY_KEY'), in_env("$good $good"));
conf_bad('not in the environment', 'the service key is read from the '
         . 'environment variable "MY_KEY", which is not set', in_env(undef));
conf_bad('no variable either', 'the service key is read from the environment '
         . 'variable "HX_GATE_ENGINE_SERVICE_KEY", which is not set',
         key => '', at => 'location /v1/');
conf_bad('the variable is short', few('HX_GATE_ENGINE_SERVICE_KEY', 31),
         key => '', env => { HX_GATE_ENGINE_SERVICE_KEY => $short },
         at => 'location /v1/');

my $how = '"hx_gate_service_key" takes "env:<NAME>" or "file:<path>"';
conf_bad('the key itself', $how, key => "hx_gate_service_key $good;");
conf_bad('no name', $how, key => 'hx_gate_service_key env:;');
conf_bad('no path', $how, key => 'hx_gate_service_key file:;');
conf_bad('nothing', 'invalid number of arguments in "hx_gate_service_key" '
         . 'directive', key => 'hx_gate_service_key;');
conf_bad('twice', '"hx_gate_service_key" directive is duplicate',
         http => "hx_gate_service_key file:$file;",
         at => "hx_gate_service_key file:$file");
conf_bad('in a server', '"hx_gate_service_key" directive is not allowed here',
         server => 'hx_gate_service_key env:HERE;', at => 'env:HERE');

for my $case ([ 'file', in_file("$good $good") ], [ 'env', in_env($short) ],
              [ 'directive', key => "hx_gate_service_key $good;" ])
{
    my ($name, %o) = @$case;
    my ($code, $text, $server) = conf_text(%o);
    unlike $text . HXGate::slurp($server->{error_log}), qr/Sesame/,
        "$name: not repeated";
}

done_testing;
