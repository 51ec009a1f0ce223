"""What the paper reports: percent, with the standard deviation over seeds where it gives one."""

TEST_ERRORS = {
    ("mnist", True): {"binarynet": "1.3 ± 0.1", "bp": "1.4 ± 0.2", "amp": "1.4 ± 0.1", "mf": "1.3"},
    ("fashion_mnist", True): {
        "binarynet": "2.4 ± 0.1",
        "bp": "2.3 ± 0.1",
        "amp": "2.4 ± 0.1",
        "mf": "2.3",
    },
    ("cifar10", True): {
        "binarynet": "30.0 ± 0.3",
        "bp": "31.4 ± 0.1",
        "amp": "31.1 ± 0.1",
        "mf": "31.1",
    },
    ("mnist", False): {
        "binarynet": "2.2 ± 0.1",
        "bp": "2.6 ± 0.1",
        "amp": "2.6 ± 0.1",
        "mf": "2.3",
    },
    ("fashion_mnist", False): {
        "binarynet": "12.0 ± 0.6",
        "bp": "11.8 ± 0.3",
        "amp": "11.9 ± 0.2",
        "mf": "12.1",
    },
    ("cifar10", False): {
        "binarynet": "59.0 ± 0.7",
        "bp": "58.7 ± 0.3",
        "amp": "58.5 ± 0.2",
        "mf": "60.4",
    },
}
"""Table 1, 2 × 501 units, by data set and whether even and odd classes are told apart."""

TRAINING_ERRORS = {
    ("mnist", True): {"binarynet": "0.05", "bp": "0", "amp": "0", "mf": "0"},
    ("fashion_mnist", True): {"binarynet": "0.3", "bp": "0.06", "amp": "0.06", "mf": "0.09"},
    ("cifar10", True): {"binarynet": "1.2", "bp": "0.37", "amp": "0.4", "mf": "0.9"},
    ("mnist", False): {"binarynet": "0.09", "bp": "0.12", "amp": "0.12", "mf": "0.03"},
    ("fashion_mnist", False): {"binarynet": "4.0", "bp": "3.4", "amp": "3.7", "mf": "2.5"},
    ("cifar10", False): {"binarynet": "13.0", "bp": "4.7", "amp": "4.7", "mf": "9.2"},
}
"""Appendix B.4: of the same networks after 100 epochs, five seeds."""
