include $(sort $(wildcard $(BR2_EXTERNAL_ROBUSTIPC_PATH)/package/*/*.mk))
