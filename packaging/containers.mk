# Containers: images really built (buildah, no daemon), Compose's file checked,
# and its topology in network namespaces.  All of it as root.

IMAGE_STORE   ?= $(ROOT)/images

images:
	@$(DEPS) images
	$(Q)packaging/docker/build-images.sh $(IMAGE_STORE)

topology: build-deps all
	@$(DEPS) build run test topology
	$(Q)$(TEST_ENV) $(PYTHON) -m pytest -q -p no:cacheprovider -n 0 \
	  --color=no t/topology

.PHONY: images topology
