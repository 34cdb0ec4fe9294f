################################################################################
#
# robustipc
#
################################################################################

ROBUSTIPC_VERSION = 0.1.0
# The folder or server with the archive that `make dist` made.
ROBUSTIPC_SITE ?= file://$(BR2_EXTERNAL_ROBUSTIPC_PATH)/dl
ROBUSTIPC_SOURCE = robustipc-$(ROBUSTIPC_VERSION).tar.gz
ROBUSTIPC_LICENSE = MIT or Apache-2.0
ROBUSTIPC_LICENSE_FILES = LICENSE-MIT LICENSE-APACHE vendor/LICENSES.md
ROBUSTIPC_INSTALL_STAGING = YES
ROBUSTIPC_DEPENDENCIES = host-rustc host-pkgconf

# The archive has all crates, and names vendor/ in .cargo/config.toml, so nothing is fetched.
ROBUSTIPC_ENV = \
	$(TARGET_MAKE_ENV) \
	$(PKG_CARGO_ENV) \
	CARGO_NET_OFFLINE=true \
	CARGO_TARGET_DIR=$(@D)/target \
	ROBUSTIPC_RPATH=

# Buildroot strips what is on the target.
ROBUSTIPC_OPTS = \
	CROSS_COMPILE=$(TARGET_CROSS) \
	CARGO_BUILD_TARGET=$(RUSTC_TARGET_NAME) \
	CARGO_FLAGS=--no-default-features \
	PREFIX=/usr \
	STRIP=

define ROBUSTIPC_BUILD_CMDS
	$(ROBUSTIPC_ENV) $(MAKE) -C $(@D) $(ROBUSTIPC_OPTS) all
endef

define ROBUSTIPC_INSTALL_STAGING_CMDS
	$(ROBUSTIPC_ENV) $(MAKE) -C $(@D) $(ROBUSTIPC_OPTS) install DESTDIR=$(STAGING_DIR)
endef

define ROBUSTIPC_INSTALL_TARGET_CMDS
	$(ROBUSTIPC_ENV) $(MAKE) -C $(@D) $(ROBUSTIPC_OPTS) install DESTDIR=$(TARGET_DIR)
endef

# ripc writes its own page and completions, which a program for the target cannot do here: only the program is installed.
ifeq ($(BR2_PACKAGE_ROBUSTIPC_TOOLS),y)
define ROBUSTIPC_BUILD_TOOLS
	$(ROBUSTIPC_ENV) $(MAKE) -C $(@D) $(ROBUSTIPC_OPTS) tool
endef
ROBUSTIPC_POST_BUILD_HOOKS += ROBUSTIPC_BUILD_TOOLS

define ROBUSTIPC_INSTALL_TOOLS
	$(INSTALL) -D -m 0755 $(@D)/target/bin/ripc $(TARGET_DIR)/usr/bin/ripc
endef
ROBUSTIPC_POST_INSTALL_TARGET_HOOKS += ROBUSTIPC_INSTALL_TOOLS
endif

$(eval $(generic-package))
