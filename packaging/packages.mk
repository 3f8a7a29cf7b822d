# Packages, and what a release is made of.  Included by the Makefile.

DEB_DIR       := $(ROOT)/deb
RPM_DIR       := $(ROOT)/rpm
DIST_DIR      := $(ROOT)/dist

deb:
	@$(DEPS) build deb
	@DEB_JOBS=$(JOBS) packaging/debian/build.sh $(DEB_DIR)

rpm:
	@$(DEPS) build rpm
	@JOBS=$(JOBS) packaging/rpm/build.sh $(RPM_DIR)

# SIGN=<key id>: gpg signs the checksums with that key
dist: all
	@$(DEPS) build dist
	@SIGN='$(SIGN)' packaging/dist/build.sh $(DIST_DIR) $(B)

# The tarball, its checksums and signature, SBOM, unit: seconds.
dist-test: all
	@$(DEPS) build packagetest
	$(Q)$(TEST_ENV) $(PYTEST) -n 0 t/package/test_dist.py \
	  t/package/test_sbom.py t/package/test_unit.py

# Packages built, installed in a fresh system, used, upgraded, removed: minutes,
# as root, with a Debian mirror.
deb-test: deb
	@$(DEPS) build packagetest
	$(Q)$(TEST_ENV) HX_DEB_DIR=$(DEB_DIR) $(PYTEST) -n 0 t/package/test_deb.py

# The Debian packages in an emulated machine, with systemd and AppArmor.
vm-test: deb
	@$(DEPS) build packagetest vm
	$(Q)$(TEST_ENV) HX_DEB_DIR=$(DEB_DIR) $(PYTEST) -n 0 t/package/test_vm.py

rpm-test: rpm
	@$(DEPS) build packagetest
	$(Q)$(TEST_ENV) HX_RPM_DIR=$(RPM_DIR) $(PYTEST) -n 0 t/package/test_rpm.py

.PHONY: deb rpm dist dist-test deb-test vm-test rpm-test
