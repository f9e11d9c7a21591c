"""What programs import from uvicorn's package of this name. tricorn's own protocols are plugins."""
