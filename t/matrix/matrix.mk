# make matrix: the whole suite in other releases of Debian (t/matrix/matrix.sh)
#
#   RELEASES      which ones; the newest first, there most is new; bullseye, too,
#                 where it builds but not every test passes
#   GROUPS        which groups; valkey is the group fleet on Valkey
#   MATRIX_CACHE  where the trees are kept, about 2 GB each

RELEASES      ?= forky trixie bookworm
GROUPS        ?= unit gate engine e2e fleet valkey
MATRIX_CACHE  ?= $(ROOT)/matrix

matrix:
	@$(DEPS) matrix
	@CACHE='$(MATRIX_CACHE)' TEST_GROUPS='$(GROUPS)' JOBS='$(JOBS)' \
	  t/matrix/matrix.sh $(RELEASES)

.PHONY: matrix
