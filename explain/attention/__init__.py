"""The attention use: the same network without a gate, with SE and with CBAM."""
