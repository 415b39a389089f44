"""The main program: ``python run_backtest.py`` runs the demo, ``--help`` lists the rest."""

import sys

from deleverage.cli.main import entry

if __name__ == "__main__":
    sys.exit(entry())
