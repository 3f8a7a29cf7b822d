#!/usr/bin/perl
# Replays the corpus and the regress inputs of every fuzz harness, one test
# for each harness: HX_FUZZ names the programs (the Makefile sets it).  The
# inputs of .../fuzz_NAME are t/fuzz/corpus/NAME and t/fuzz/regress/NAME.
use strict;
use warnings;

use File::Basename qw(basename);
use Test::More;

my @programs = split ' ', $ENV{HX_FUZZ} // '';

plan tests => scalar @programs;

for my $program (@programs) {
    (my $name = basename($program)) =~ s/^fuzz_//;
    my @inputs = grep { -f } map { glob "t/fuzz/$_/$name/*" }
                             qw(corpus regress);
    subtest $name => sub {
        plan tests => 2;
        cmp_ok(scalar @inputs, '>', 0, 'has inputs');
        open my $out, '-|', '/bin/sh', '-c', 'exec "$@" 2>&1', 'sh',
            $program, @inputs or die "$program: $!\n";
        my @lines = <$out>;
        close $out;
        is($?, 0, scalar(@inputs) . ' inputs replayed') or diag(@lines);
    };
}
